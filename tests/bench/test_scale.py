"""docs/scale.md says what the model reckons, from the figures that are committed."""

from dataclasses import replace

from bench import scale


def test_the_page_is_what_is_reckoned() -> None:
    """The page's tables are those that `make scale` writes."""
    text = scale.PAGE.read_text()
    assert scale.written(text, measured()) == text


def measured() -> scale.Costs:
    """What the committed results say."""
    return scale.costs(scale.RESULTS / "latest.json", scale.RESULTS / "control.json")


def test_what_costs_twice_carries_half() -> None:
    """Capacity follows cost: of streams that of their events, of calls without one that of the call."""
    found = measured()
    dear = replace(found, request=2 * found.request, event=2 * found.event)
    for traffic in scale.TRAFFIC:
        assert abs(scale.calls_a_second(found, traffic) / scale.calls_a_second(dear, traffic) - 2) < 1e-9


def test_waiting_grows_with_business() -> None:
    """The busier workers are, the longer work waits; the simulation is the same each time, and near what theory says of one
    queue with random arrivals and lengths: a median of nothing below half."""
    found, chat = measured(), scale.TRAFFIC[1]
    times = [scale.waits(found, chat, busy, 7) for busy in (0.3, 0.6, 0.9)]
    assert times == sorted(times)
    assert scale.waits(found, chat, 0.6, 7) == times[1]
    assert times[0][0] == 0
    piece = found.event / 1000
    assert 0.7 < scale.waits(found, chat, 0.9, 1)[0] / (piece * 10 * 0.5878) < 1.3      # ln(2 * 0.9) / (1 - 0.9)
