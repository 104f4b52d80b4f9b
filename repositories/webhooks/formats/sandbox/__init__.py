"""Templates of people's own, which must neither see more than the document nor take more than a moment.

Jinja2 reads and runs them. What stands in the way of mischief, each by itself enough:

- `grammar` lets only those parts of the language through that are on its list: no call, no arithmetic, no loop in a
  loop, nothing nested deeply;
- `environment` looks names up in the document's own dictionaries and lists, never among Python's attributes, and has no
  globals;
- `limits` counts what filters and output handle, and ends a rendering that goes on too long.
"""
