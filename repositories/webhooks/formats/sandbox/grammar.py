"""The parts of Jinja's language that a template may use, checked in its syntax tree before it is compiled."""

from collections.abc import Callable

from django.utils.translation import gettext as _
from jinja2 import nodes

from repositories.webhooks.formats.errors import NotRendered
from repositories.webhooks.formats.sandbox.environment import OF_LOOP
from repositories.webhooks.formats.sandbox.filters import EACH, FILTERS, SEARCHED

DEPTH_MAX = 25
"""Levels of the tree: Jinja and Python go through it recursively."""
BRANCHES_MAX = 50
"""`elif`s of one `if`, which Python nests."""
TESTS = frozenset({"defined", "undefined", "none"})
_PLAIN = (
    nodes.Output,
    nodes.TemplateData,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.CondExpr,
    nodes.Keyword,
)
_WORDS = {
    "Assign": "set",
    "AssignBlock": "set",
    "CallBlock": "call",
    "Call": "a(…)",
    "FilterBlock": "filter",
    "FromImport": "from",
    "Concat": "~",
    "Slice": "[a:b]",
    "Dict": "{…}",
}


def check(tree: nodes.Template) -> None:
    """Raises NotRendered with the line and what is wrong there. Goes through the tree without recursion."""
    waiting: list[tuple[nodes.Node, int, bool]] = [(child, 1, False) for child in tree.iter_child_nodes()]
    while waiting:
        node, depth, in_loop = waiting.pop()
        if depth > DEPTH_MAX:
            raise at(node, _("This is nested too deeply."))
        _check(node, in_loop=in_loop)
        inside = in_loop or isinstance(node, nodes.For)
        waiting.extend((child, depth + 1, inside) for child in node.iter_child_nodes())


def at(node: nodes.Node, problem: str) -> NotRendered:
    return NotRendered(_("Line %(line)d: %(problem)s") % {"line": node.lineno, "problem": problem})


def _check(node: nodes.Node, *, in_loop: bool) -> None:
    if isinstance(node, _PLAIN):
        return
    if isinstance(node, nodes.For):
        _check_loop(node, in_loop=in_loop)
        return
    check_of = _CHECKS.get(type(node))
    if check_of is None:
        name = _WORDS.get(type(node).__name__, type(node).__name__.lower())
        raise at(node, _("“%(name)s” is not possible in these templates.") % {"name": name})
    check_of(node)


def _check_loop(node: nodes.For, *, in_loop: bool) -> None:
    if in_loop:
        raise at(node, _("A loop within a loop is not possible in these templates."))
    if node.recursive or node.test or not isinstance(node.target, nodes.Name):
        raise at(node, _("Write a loop as: {% for platform in tag.platforms %} … {% endfor %}"))
    if not isinstance(node.iter, nodes.Name | nodes.Getattr | nodes.Getitem):
        raise at(node, _("A loop goes through a list of the document, such as tag.platforms."))


def _check_name(node: nodes.Name) -> None:
    if node.ctx != "load" and node.name == "loop":
        raise at(node, _("“loop” is what tells of the loop itself."))
    if node.name.startswith("_"):
        raise at(node, _("There is no “%(name)s” here.") % {"name": node.name})


def _check_attribute(node: nodes.Getattr) -> None:
    if node.attr.startswith("_"):
        raise at(node, _("There is no “%(name)s” here.") % {"name": node.attr})
    if isinstance(node.node, nodes.Name) and node.node.name == "loop" and node.attr not in OF_LOOP:
        words = _("A loop tells: %(names)s.")
        raise at(node, words % {"names": ", ".join(f"loop.{name}" for name in sorted(OF_LOOP))})


def _check_item(node: nodes.Getitem) -> None:
    if not isinstance(node.arg, nodes.Const) or not isinstance(node.arg.value, str | int):
        raise at(node, _("Between [ and ] stands a number or a name in quotes."))


def _check_constant(node: nodes.Const) -> None:
    if not isinstance(node.value, str | int | bool | None):
        raise at(node, _("Only texts and whole numbers are possible here."))


def _check_list(node: nodes.Tuple | nodes.List) -> None:
    if not all(isinstance(item, nodes.Const) for item in node.items):
        raise at(node, _('A list has texts or numbers only, as in: type in ["push", "tag.delete"]'))


def _check_branches(node: nodes.If) -> None:
    if len(node.elif_) > BRANCHES_MAX:
        raise at(node, _("An “if” may have %(most)d “elif”.") % {"most": BRANCHES_MAX})


def _check_filter(node: nodes.Filter) -> None:
    if node.name not in FILTERS:
        words = _("There is no filter “%(name)s”. Choose from: %(offered)s.")
        raise at(node, words % {"name": node.name, "offered": ", ".join(FILTERS)})
    if node.dyn_args or node.dyn_kwargs:
        raise at(node, _("“%(name)s” is not possible in these templates.") % {"name": "*"})


def _check_test(node: nodes.Test) -> None:
    if node.name not in TESTS or node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
        raise at(node, _("After “is” stands one of: %(offered)s.") % {"offered": ", ".join(sorted(TESTS))})


_CHECKS: dict[type[nodes.Node], Callable[..., None]] = {
    nodes.Name: _check_name,
    nodes.Getattr: _check_attribute,
    nodes.Getitem: _check_item,
    nodes.Const: _check_constant,
    nodes.Tuple: _check_list,
    nodes.List: _check_list,
    nodes.If: _check_branches,
    nodes.Filter: _check_filter,
    nodes.Test: _check_test,
}


def bound(tree: nodes.Template) -> None:
    """Let loops go through lists only, so many turns at most, and count what `in` searches. After `check`."""
    for loop in list(tree.find_all(nodes.For)):
        loop.iter = nodes.Filter(loop.iter, EACH, [], [], None, None, lineno=loop.lineno)
    for operand in list(tree.find_all(nodes.Operand)):
        if operand.op in {"in", "notin"}:
            operand.expr = nodes.Filter(operand.expr, SEARCHED, [], [], None, None, lineno=operand.lineno)
