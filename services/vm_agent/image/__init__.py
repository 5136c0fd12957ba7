"""Guest images: a kernel, an initrd with the guest agent, and a read-only root that all machines share."""
