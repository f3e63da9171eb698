"""The contract on every server, spoken to by raw sockets; tox's ``wires`` environment runs it."""
