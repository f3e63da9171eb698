"""Five tiny applications with the same routes: the demo's servers run one each."""
