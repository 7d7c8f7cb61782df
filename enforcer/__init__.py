"""Orders become actions here, after every check that can be made on the node itself."""
