"""What the drivers of virtual machines have in common: the guest's disk, its template, its identity, its life."""
