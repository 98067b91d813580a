"""The list of rules; each is a function from a world to sentences that say what is wrong."""

RULES = {}


def rule(check):
    RULES[check.__name__] = check
    return check
