"""The list of rules. Each is a function that takes an overlay (World) and yields a sentence per problem."""

RULES = {}


def rule(check):
    RULES[check.__name__] = check
    return check
