#!/usr/bin/env python3
"""Packs a file of model facts into src/catalog/data.txt.

Usage: scripts/catalog-pack.py model-prices.json [src/catalog/data.txt]

The facts are JSON: {"models": [{"provider", "model", "aliases", "mode", "max_input_tokens",
"input", "output", ...}]} with prices in USD per million tokens. Every price must be a whole
number of micro-USD per million tokens; the few that a reseller rounded from a fraction (a third
of a cent and the like) are listed when the script runs and are rounded up.
"""

import json
import sys
from decimal import ROUND_CEILING, Decimal

GRAMMAR = """\
# What models cost, hold and can do. Made by scripts/catalog-pack.py; do not edit by hand.
# @provider      begins the rows of a provider
# names|mode|limits|prices|web search|retires|flags      a row; fields that are empty at its end are left out
# names          the name, then its aliases, with commas
# mode           empty for chat, else responses, embedding or completion
# limits         most input tokens, most output tokens; empty where unknown
# prices         groups with semicolons: a head, then rates with spaces; micro-USD per million tokens
#   head         -          standard        flex, batch, ...   that service tier
#                >N         for prompts of N tokens and more    >N/flex   that service tier there
#   rate         i input  o output  r cache read  w cache write for 5 minutes  h for an hour
#                t reasoning  a audio input  A audio output  P image output  I image input
#                R audio from the cache  J image from the cache
#                a million of  n pictures  c characters  s seconds  q searches
# web search     micro-USD a search, at medium context
# retires        the day the provider withdraws it
# flags          what is known to be so, and with a hyphen what is known not to be
"""

RATES = {
    "input": "i",
    "output": "o",
    "cached_input": "r",
    "cache_write": "w",
    "cache_write_1h": "h",
    "reasoning_output": "t",
    "audio_input": "a",
    "audio_output": "A",
    "image_token_output": "P",
}
SERVICES = ["batch", "flex", "priority", "ultrafast"]
FLAGS = {
    "function_calling": "tools",
    "tool_choice": "tool_choice",
    "parallel_function_calling": "parallel_tools",
    "forced_tool_use": "forced_tool",
    "vision": "vision",
    "pdf_input": "pdf",
    "audio_input": "audio_in",
    "audio_output": "audio_out",
    "reasoning": "reasoning",
    "adaptive_thinking": "adaptive",
    "none_reasoning_effort": "effort_none",
    "minimal_reasoning_effort": "effort_minimal",
    "low_reasoning_effort": "effort_low",
    "xhigh_reasoning_effort": "effort_xhigh",
    "max_reasoning_effort": "effort_max",
    "response_schema": "schema",
    "native_structured_output": "native_schema",
    "sampling_params": "sampling",
    "assistant_prefill": "prefill",
    "system_messages": "system",
    "mid_conversation_system": "mid_system",
    "prompt_caching": "caching",
    "web_search": "web_search",
}
# xAI's mark is reached, everybody else's is passed.
INCLUSIVE = {"xai"}
# What models cost more at an endpoint that keeps to a region.
UPLIFTS = ("regional_processing_uplift_multiplier", "regional_endpoint_uplift_multiplier")
# Fireworks takes the last part of its names alone.
SHORT_NAMES = {"fireworks"}


def micro(value, where):
    exact = Decimal(str(value)) * 1_000_000
    whole = exact.to_integral_value(ROUND_CEILING)
    if whole != exact:
        print(f"rounded up: {where} {exact} -> {whole}", file=sys.stderr)
    return int(whole)


def rates(facts, where):
    words = []
    for field, letter in RATES.items():
        value = facts.get(field)
        # Reasoning is output unless it says otherwise, also in the service tiers.
        if value is None or (field == "reasoning_output" and value == facts.get("output")):
            continue
        words.append(f"{letter}{micro(value, f'{where} {field}')}")
    return words


def groups(head, facts, where):
    own, inner = ("-", "") if head is None else (f">{head}", f">{head}/")
    out = [" ".join([own, *rates(facts, where)])]
    for service in SERVICES:
        if service in facts:
            out.append(" ".join([inner + service, *rates(facts[service], where)]))
    return out


def fast(facts):
    """A multiplier on every rate, as the rates of a service tier of that name."""
    times = (facts.get("provider_specific_entry") or {}).get("fast")
    if times is None:
        return None
    times = Decimal(str(times))
    return {field: Decimal(str(facts[field])) * times for field in RATES if facts.get(field) is not None}


def row(facts):
    where = f"{facts['provider']}/{facts['model']}"
    names = [facts["model"], *facts.get("aliases", [])]
    if facts["provider"] in SHORT_NAMES and "/" in facts["model"]:
        names.append(facts["model"].rsplit("/", 1)[1])
    if any(mark in name for name in names for mark in "|, "):
        sys.exit(f"{where}: a name holds a mark of the grammar")
    mode = "" if facts["mode"] == "chat" else facts["mode"]
    limits = [facts.get("max_input_tokens"), facts.get("max_output_tokens")]
    prices = groups(None, facts, where)
    if (quick := fast(facts)) is not None:
        prices.append(" ".join(["fast", *rates(quick, where)]))
    for tier in sorted(facts.get("tiers", []), key=lambda tier: tier["above_prompt_tokens"]):
        above = tier["above_prompt_tokens"]
        first = above if facts["provider"] in INCLUSIVE else above + 1
        prices += groups(first, tier, where)
    if facts.get("tiered"):
        sys.exit(f"{where}: price bands are not known to this script")
    search = facts.get("web_search_per_query_usd", {}).get("search_context_size_medium")
    flags = [word for flag, word in FLAGS.items() if flag in facts.get("supports", [])]
    uplifts = {value for field, value in facts.items() if field.startswith(UPLIFTS)}
    if uplifts - {Decimal("1.1")}:
        sys.exit(f"{where}: regions cost more than a tenth more")
    flags += ["regional"] if uplifts else []
    flags += ["-" + word for flag, word in FLAGS.items() if flag in facts.get("lacks", [])]
    fields = [
        ",".join(dict.fromkeys(names)),
        mode,
        " ".join("" if limit is None else str(limit) for limit in limits).rstrip(),
        ";".join(prices),
        "" if search is None else str(micro(search, f"{where} web search")),
        facts.get("deprecation_date") or "",
        " ".join(flags),
    ]
    return "|".join(fields).rstrip("|")


def main(source, target="src/catalog/data.txt"):
    with open(source, encoding="utf-8") as file:
        models = json.load(file, parse_float=Decimal)["models"]
    lines, provider = [GRAMMAR.rstrip("\n")], None
    for facts in sorted(models, key=lambda facts: facts["provider"]):
        if facts["provider"] != provider:
            provider = facts["provider"]
            lines.append(f"@{provider}")
        lines.append(row(facts))
    text = "\n".join(lines) + "\n"
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"{len(models)} models, {len(text.encode())} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
