"""The driver `qemu`: a real virtual machine for each job, hardware-assisted where that boots a guest, else emulated."""
