"""What is made from a catalogue: the reference, OpenAPI, the diff, the check of a service."""
