from goldpan.pictures import COLOURS, STYLES


def test_no_two_lines_look_alike() -> None:
    assert len(set(STYLES)) == len(STYLES) == len(COLOURS) ** 2
