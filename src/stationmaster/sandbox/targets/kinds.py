"""Which kinds of gateways are simulated, by name."""

from collections.abc import Callable, Mapping

from stationmaster.sandbox.targets.bifrost import Bifrost
from stationmaster.sandbox.targets.cpa import Cpa
from stationmaster.sandbox.targets.crs import Crs
from stationmaster.sandbox.targets.frame import Gateway
from stationmaster.sandbox.targets.litellm import LiteLlm
from stationmaster.sandbox.targets.newapi import NewApi
from stationmaster.sandbox.targets.oneapi import OneApi
from stationmaster.sandbox.targets.s2a import S2a

GATEWAYS: Mapping[str, Callable[..., Gateway]] = {
    each.KIND: each for each in (Crs, S2a, Cpa, LiteLlm, NewApi, OneApi, Bifrost)
}
