"""Finds the places of a C++ header where mutate.py may break it, by regular expressions.

The headers are formatted by clang-format, which these expressions rely on: a binary operator has a space on its left and a
space or a line's end on its right; the brackets of templates and the stars of pointers have not.
"""
import dataclasses
import itertools
import random
import re

# What is never mutated, besides comments, strings and preprocessor lines. Each ends at its closing bracket, or at a semicolon.
BRACKETED = re.compile(r"""\b(?:static_assert|assert|message|decltype|noexcept|alignas)\s*(?=\()
                       |\btemplate\s*(?=<)|\brequires\s*(?={)""", re.X)
UNTIL_SEMICOLON = re.compile(r"\b(?:throw|using|requires|concept|friend|operator)\b[^;{]*")
COMMENT_OR_TEXT = re.compile(r"""//[^\n]*|/\*.*?\*/|^[ ]*\#(?:[^\n]*\\\n)*[^\n]*|R"\((?s:.*?)\)"|"(?:\\.|[^"\\\n])*"
                             |(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'""", re.M | re.S | re.X)

# Of each operator: what replaces it, the name of the pair in tests/mutation/switch.hpp, and an operator of its precedence.
BINARY = {
    "<": ("<=", "less_as_less_equal", ">="), "<=": ("<", "less_equal_as_less", ">="),
    ">": (">=", "greater_as_greater_equal", ">="), ">=": (">", "greater_equal_as_greater", ">="),
    "==": ("!=", "equal_as_not_equal", "=="), "!=": ("==", "not_equal_as_equal", "=="),
    "+": ("-", "plus_as_minus", "+"), "-": ("+", "minus_as_plus", "+"),
    "*": ("/", "times_as_divided", "*"), "/": ("*", "divided_as_times", "*"),
}
ASSIGNING = {"+=": ("-=", "Negated"), "-=": ("+=", "Negated"), "*=": ("/=", "Inverted"), "/=": ("*=", "Inverted")}
ENDS = {"front": "back", "back": "front"}

OPERATOR = re.compile(r"(?<=[\w)\]}'] )(<=|>=|==|!=|\+=|-=|\*=|/=|<|>|\+|-|\*|/)(?=\s)")
NUMBER = re.compile(r"(?<![\w.'])(\d+\.\d+(?:e-?\d+)?|\d+e-?\d+|\d+)(f?)(?![\w.'])")
SUBSCRIPT = re.compile(r"(?<=[\w)\]])\[([^\[\]]*\w[^\[\]]*)\]")
END = re.compile(r"(?<![\w.>-])(\w[\w.>-]*\.)(front|back)\(\)")
# An assignment without a type before it, a call, an increment, a jump: at the start of a line, after a complete statement.
STATEMENT = re.compile(r"^[ ]+((?:\+\+|--)?[\w.:\[\]>()-]+(?:\([^;]*\)|[ ](?:=|[-+*/|&]=)\s[^;]*)?)(?=;)", re.M)
FOR = re.compile(r"\bfor \(")


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One change of one header: `text[begin:end]` becomes `plain`.

    To switch it on at run time, `switched` is put there instead, with # for the mutant's number; its part before a \\0
    goes to `begin` and the rest to `end`, if the text between them stays.
    """
    file: str
    kind: str
    begin: int
    end: int
    plain: str
    switched: str
    line: int
    last_line: int
    before: str
    after: str
    occurrence: int  # among the same changes of the same line

    @property
    def key(self):
        """The same as long as the line's text is: neither the line's number nor the rest of the file matter."""
        return (self.file, self.before, self.after, self.occurrence)


def closing(text, start):
    """The place behind the bracket that closes the one at `start`."""
    pair = {"(": ")", "<": ">", "[": "]", "{": "}"}[text[start]]
    depth = 0
    for i in range(start, len(text)):
        if text[i] == text[start]:
            depth += 1
        elif text[i] == pair and text[i - 1] not in "-=":
            depth -= 1
            if depth == 0:
                return i + 1
    return len(text)


def masked(text):
    """The text with blanks in place of what is never mutated; line ends and places stay."""
    def blank(begin, end):
        nonlocal text
        text = text[:begin] + re.sub(r"[^\n]", " ", text[begin:end]) + text[end:]

    for found in list(COMMENT_OR_TEXT.finditer(text)):
        blank(*found.span())
    for found in BRACKETED.finditer(text):
        if text[found.start()] != " ":  # not inside of one before
            blank(found.start(), closing(text, found.end()))
    for found in list(UNTIL_SEMICOLON.finditer(text)):
        blank(*found.span())
    return text


def enlarged(number):
    """Of a number: the other ones to try, as text, with the kind of the mutant."""
    if number.isdigit():
        return [("constant", str(int(number) + 1))]
    if "e-" in number:
        return [("eps", "0.0"), ("eps", f"({number} * 1000)")]
    return [("constant", "1.0" if float(number) == 0 else f"({number} * 2)")]


def places(code, text):
    """(kind, begin, end, plain, switched) of every possible mutant of a masked header."""
    loops = [(found.end() - 1, closing(code, found.end() - 1)) for found in FOR.finditer(code)]
    in_loop = lambda place: any(begin < place < end for begin, end in loops)
    for found in OPERATOR.finditer(code):
        old, (begin, end) = found[1], found.span()
        if in_loop(begin) and old in ("+=", "-=", "*=", "/=", ">", ">="):
            continue  # endless
        if old in ASSIGNING:
            new, switch = ASSIGNING[old]
            yield "sign", begin, end, new, f"{old} spat_mutant::{switch}{{#}} ="
        else:
            new, switch, neighbour = BINARY[old]
            kind = "comparison" if old[0] in "<>=!" else "sign"
            yield kind, begin, end, new, f"{neighbour} spat_mutant::{switch}{{#}} {neighbour}"
    for found in NUMBER.finditer(code):
        if code[found.start() - 1] == "<" or code[found.end():found.end() + 1] == ">":
            continue  # a template's argument
        for kind, new in enlarged(found[1]):
            new = new.replace(found[1], found[0]) if new.startswith("(") else new + found[2]
            yield kind, found.start(), found.end(), new, f"(spat_mutant::on(#) ? {new} : {found[0]})"
    for found in SUBSCRIPT.finditer(code):
        if '"' in text[found.start():found.end()]:
            continue  # a map's key
        for by in ("+ 1", "- 1"):
            yield ("index", found.start(1), found.end(1), f"{text[found.start(1):found.end(1)]} {by}",
                   f"spat_mutant::moved(#, {by.replace(' ', '')}, \0)")
    for found in END.finditer(code):
        other = f"{found[1]}{ENDS[found[2]]}()"
        yield "index", found.start(), found.end(), other, f"(spat_mutant::on(#) ? {other} : {found[0]})"
    for found in STATEMENT.finditer(code):
        begin, end = found.start(1), found.end(1) + 1
        if code[:begin].rstrip()[-1:] not in ";{})" or any(found[1].count(a) != found[1].count(b) for a, b in ("()", "{}")):
            continue  # a piece of a statement
        if re.search(r"\b(?:default|delete)$|\breserve\(", found[1]):
            continue  # no statement, or one without a trace
        yield "removal", begin, end, ";", "{ if (!spat_mutant::on(#)) \0 }"


def find(name, text):
    """All mutants of a header, in the order of the text."""
    result, seen = [], {}
    for kind, begin, end, plain, switched in sorted(places(masked(text), text), key=lambda p: (p[1], p[2], p[3])):
        left, right = text.rfind("\n", 0, begin) + 1, text.find("\n", end)
        before, after = (" ".join(one.split()) for one in (text[left:right], text[left:begin] + plain + text[end:right]))
        seen[before, after] = occurrence = seen.get((before, after), 0) + 1
        line, last_line = (text.count("\n", 0, place) + 1 for place in (begin, end))
        result.append(Mutant(name, kind, begin, end, plain, switched, line, last_line, before, after, occurrence))
    return result


def sample(mutants, count, seed):
    """`count` of them, one at a place, the kinds in turn: a function of the seed."""
    places = {(m.file, m.begin, m.end): m for m in random.Random(seed).sample(mutants, len(mutants))}
    kinds = {}
    for mutant in places.values():
        kinds.setdefault(mutant.kind, []).append(mutant)
    turns = itertools.zip_longest(*(kinds[kind] for kind in sorted(kinds)))
    return [mutant for turn in turns for mutant in turn if mutant][:count]


def broken(text, mutants, number=None):
    """The header's text with all these mutants to switch on, or, without numbers, with the only one of them in place."""
    edits = []
    for mutant in mutants:
        new = mutant.plain if number is None else mutant.switched.replace("#", str(number[mutant]))
        if "\0" in new:
            left, right = new.split("\0")
            edits += [(mutant.begin, mutant.begin, left), (mutant.end, mutant.end, right)]
        else:
            edits.append((mutant.begin, mutant.end, new))
    for begin, end, new in sorted(edits, reverse=True):
        text = text[:begin] + new + text[end:]
    return text
