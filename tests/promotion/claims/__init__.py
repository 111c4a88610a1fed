"""Tests of pipeline/promotion/claims/."""
