"""Servers without a command that says where they listen: ``python -m tests.wires.serve NAME``."""

import sys


def main(name):
    """Serve until the end."""
    from tests.wires.app import wsgi

    if name == "cheroot":
        from cheroot.wsgi import Server

        server = Server(("127.0.0.1", 0), wsgi)
        server.prepare()
        announce(server.bind_addr[1])
        server.serve()
    else:
        from wsgiref.simple_server import make_server

        server = make_server("127.0.0.1", 0, wsgi)
        announce(server.server_port)
        server.serve_forever()


def announce(port):
    """Say it where ``errorshape.demo.servers`` looks for it."""
    sys.stdout.write(f"serving http://127.0.0.1:{port}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
