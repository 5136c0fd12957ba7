"""The GitHub Actions language, pure: text in, values out. Nothing below here does any I/O."""
