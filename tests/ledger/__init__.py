"""Tests of pipeline/ledger/."""
