"""The driver `firecracker`: microVMs by Firecracker, in its jailer, for hosts whose KVM boots a guest."""
