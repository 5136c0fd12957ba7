"""The whole system with every job in a real virtual machine: QEMU, with the image that `make vm` built."""
