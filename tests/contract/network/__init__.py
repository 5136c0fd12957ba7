"""What a machine reaches, tried from inside of one; the outside is a namespace that the tests make."""
