# SPDX-License-Identifier: Apache-2.0
"""Helpers of the black-box tests: programs under test, a raw client, protocol scripts."""
