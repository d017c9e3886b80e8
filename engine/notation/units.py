"""Units of measure and their one normal form."""

import re

_DOT = r"[ ]?[·・.*\-][ ]?"

# Normal form -> ways of writing, as regular expressions over width-folded text.
_UNITS: dict[str, tuple[str, ...]] = {
    "kN·m": (rf"kN{_DOT}m", "kN m", "kNm", "キロニュートンメートル"),
    "mN·m": (rf"mN{_DOT}m", "mN m", "mNm"),
    "cN·m": (rf"cN{_DOT}m", "cNm"),
    "N·m": (rf"N{_DOT}m", "N m", "Nm", f"ニュートン{_DOT}メートル", "ニュートンメートル"),
    "kgf·cm": (rf"kgf{_DOT}cm", "kgfcm"),
    "kgf·m": (rf"kgf{_DOT}m", "kgfm"),
    "kgf/cm2": (r"kgf/cm\^?2",),
    "N/mm2": (r"N/mm\^?2",),
    "N/m2": (r"N/m\^?2",),
    "N/mm": ("N/mm",),
    "GPa": ("GPa", "ギガパスカル"),
    "MPa": ("MPa", "Mpa", "メガパスカル"),
    "kPa": ("kPa", "KPa", "キロパスカル"),
    "hPa": ("hPa", "ヘクトパスカル"),
    "Pa": ("Pa", "パスカル"),
    "bar": ("bar",),
    "psi": ("psi",),
    "mm/min": ("mm/min", "ミリ毎分"),
    "mm/rev": ("mm/rev",),
    "mm/s": ("mm/sec", "mm/s"),
    "mm2": (r"mm\^?2", "平方ミリメートル"),
    "mm3": (r"mm\^?3",),
    "cm2": (r"cm\^?2",),
    "cm3": (r"cm\^?3",),
    "mm": ("mm", "ミリメートル", "ミリメータ", "ミリ"),
    "cm": ("cm", "センチメートル", "センチ"),
    "km": ("km", "キロメートル"),
    "μm": ("μm", "um", "マイクロメートル", "ミクロン"),
    "nm": ("nm", "ナノメートル"),
    "m/min": ("m/min",),
    "m/s2": (r"m/s\^?2",),
    "m/s": ("m/sec", "m/s"),
    "m3/h": (r"m\^?3/h",),
    "m2": (r"m\^?2", "平方メートル"),
    "m3": (r"m\^?3", "立方メートル"),
    "inch": ("inch", "インチ"),
    "L/min": ("[Ll]/min",),
    "mL": ("m[lL]", "ミリリットル"),
    "kg": ("kg", "キログラム"),
    "mg": ("mg", "ミリグラム"),
    "kN": ("kN", "キロニュートン"),
    "kgf": ("kgf",),
    "°C": ("°[Cc]", "度[Cc]", "degC"),
    "°F": ("°F",),
    "kV": ("kV",),
    "mV": ("mV",),
    "kVA": ("kVA",),
    "mA": ("mA", "ミリアンペア"),
    "μA": ("μA", "uA"),
    "kWh": ("kWh",),
    "kW": ("kW", "キロワット"),
    "MHz": ("MHz",),
    "GHz": ("GHz",),
    "kHz": ("kHz",),
    "Hz": ("Hz", "ヘルツ"),
    "kΩ": ("kΩ", "キロオーム"),
    "MΩ": ("MΩ", "メガオーム"),
    "Ω": ("Ω", "オーム"),
    "μF": ("μF", "uF"),
    "ms": ("msec", "ms", "ミリ秒"),
    "μs": ("μs", "us", "マイクロ秒"),
    "min-1": (r"min\^?-1", "rpm", "r/min", "RPM", "回転毎分"),
    "min": ("min", "分間", "分"),
    "h": ("時間", "hours?", "h"),
    "s": ("sec", "秒間", "秒", "s"),
    "day": ("日間", "days?"),
    "dB": ("dB", "デシベル"),
    "HRC": ("HRC",),
    "HRB": ("HRB",),
    "HV": ("HV",),
    "HB": ("HBW?",),
    "HS": ("HS",),
    "%": ("%", "パーセント"),
    "ppm": ("ppm",),
    "lx": ("lx", "ルクス"),
    "cSt": ("cSt",),
    "°": ("°", "deg"),
    "度": ("度",),
    "個": ("個", "ケ", "pcs"),
    "本": ("本",),
    "枚": ("枚",),
    "台": ("台",),
    "回": ("回",),
    "箇所": ("箇所", "か所", "ヶ所", "ヵ所", "カ所", "ケ所"),
    "名": ("名", "人"),
    "年": ("年間",),
    "か月": ("か月", "ヶ月", "カ月", "ヵ月", "箇月", "ケ月"),
    "N": ("N", "ニュートン"),
    "m": ("m", "メートル"),
    "g": ("g", "グラム"),
    "t": ("t", "トン"),
    "L": ("[Ll]", "リットル"),
    "V": ("V", "ボルト(?!の)"),
    "A": ("A", "アンペア"),
    "W": ("W", "ワット"),
    "K": ("K",),
}

_WAYS = sorted(
    ((way, normal) for normal, ways in _UNITS.items() for way in ways),
    key=lambda pair: len(pair[0]),
    reverse=True,
)


def _bounded(way: str) -> str:
    """A way of writing that must not run on into further letters of its own script."""
    if re.search(r"[ァ-ヺ]", way):
        return way + "(?![ァ-ヺー])"
    if re.search(r"[A-Za-zΩμ0-9]$|\]$|\?$", way):
        return way + "(?![0-9A-Za-z])"
    return way


UNIT_PATTERN = "|".join(_bounded(way) for way, _ in _WAYS)
_COMPILED = tuple((re.compile(way), normal) for way, normal in _WAYS)


def unit_normal(text: str) -> str:
    """Normal form of a unit matched by ``UNIT_PATTERN`` (without the context after it)."""
    for pattern, normal in _COMPILED:
        if pattern.fullmatch(text):
            return normal
    return text
