"""The ledger of claims and its verdicts: computed from recorded numbers by named rules, never typed."""

from twm.claims.ledger import HOMES, SHORT_SOURCES, SOURCES, Claim, read_ledger
from twm.claims.verdicts import (
    VERDICTS,
    JudgedClaim,
    Outcome,
    count_verdicts,
    decide,
    judge_all,
    judge_claim,
    list_numbers,
    load_rules,
    read_evidence,
    rule,
)

__all__ = [
    "HOMES",
    "SHORT_SOURCES",
    "SOURCES",
    "VERDICTS",
    "Claim",
    "JudgedClaim",
    "Outcome",
    "count_verdicts",
    "decide",
    "judge_all",
    "judge_claim",
    "list_numbers",
    "load_rules",
    "read_evidence",
    "read_ledger",
    "rule",
]
