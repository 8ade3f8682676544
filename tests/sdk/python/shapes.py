"""The structured output that the tests ask for."""

from typing import Literal

from pydantic import BaseModel


class Wind(BaseModel):
    speed: float
    direction: Literal["north", "south"]


class Report(BaseModel):
    city: str
    days: int
    sunny: bool
    tags: list[str]
    wind: Wind
