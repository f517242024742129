"""Parts, drawings and papers for whoever builds a box; nothing of it runs on the box."""
