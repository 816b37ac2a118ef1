"""Made-up street names for the Sejong stand-in: which line is called what."""

from __future__ import annotations

from collections.abc import Mapping

# Lines of each family, numbered from the middle; more than fit, so that the ring cuts all of them.
LINES = range(-11, 12)

# Native Korean words, as Sejong likes for its streets; no names of its existing quarters.
_ALONG = (
    ("가온", "Gaon"), ("나래", "Narae"), ("달빛", "Dalbit"), ("라온", "Raon"),
    ("마루", "Maru"), ("바른", "Bareun"), ("새벽", "Saebyeok"), ("아람", "Aram"),
    ("잔디", "Jandi"), ("초롱", "Chorong"), ("큰솔", "Keunsol"), ("타래", "Tarae"),
    ("푸른", "Pureun"), ("하늘", "Haneul"), ("보듬", "Bodeum"), ("누리", "Nuri"),
    ("도란", "Doran"), ("미르", "Mireu"), ("솔잎", "Sorip"), ("시내", "Sinae"),
    ("여울", "Yeoul"), ("은빛", "Eunbit"), ("참샘", "Chamsaem"),
)  # fmt: skip
_ACROSS = (
    ("강변", "Gangbyeon"), ("고을", "Goeul"), ("그루", "Geuru"), ("꽃재", "Kkotjae"),
    ("노을", "Noeul"), ("단비", "Danbi"), ("들샘", "Deulsaem"), ("모아", "Moa"),
    ("물결", "Mulgyeol"), ("별님", "Byeolnim"), ("빛가온", "Bitgaon"), ("사랑", "Sarang"),
    ("산들", "Sandeul"), ("솔바람", "Solbaram"), ("숲속", "Supsok"), ("아침", "Achim"),
    ("온새", "Onsae"), ("윤슬", "Yunseul"), ("이슬", "Iseul"), ("하람", "Haram"),
    ("한빛", "Hanbit"), ("해솔", "Haesol"), ("햇살", "Haetsal"),
)  # fmt: skip
RING_NAMES: Mapping[str, str] = {"ko": "합강순환로", "en": "Hapgang Sunhwan-ro"}
DEPOT_NAMES: Mapping[str, str] = {"ko": "차고지 진입로", "en": "Depot Access"}


def is_avenue(line: int) -> bool:
    """Every third line is wider and faster."""
    return line % 3 == 0


def line_names(along: bool, line: int) -> dict[str, str]:
    """Names of a line of the first family (``along``) or of the one that crosses it."""
    ko, en = (_ALONG if along else _ACROSS)[line - LINES.start]
    if is_avenue(line):
        return {"ko": f"{ko}로", "en": f"{en}-ro"}
    return {"ko": f"{ko}길", "en": f"{en}-gil"}
