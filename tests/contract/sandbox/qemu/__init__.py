"""What only QEMU's machines have."""
