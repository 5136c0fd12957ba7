"""What a runner knows of the Actions language beyond the file: runner files, workflow commands, masking, shells, globs.

Pure: text in, values out. It knows neither a process nor a file; `services/vm_agent` reads and writes those.
"""
