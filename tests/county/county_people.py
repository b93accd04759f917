"""The people of a made-up county, as they truly are: 3,000 persons, 60 communities, 400 posts; the same for the same seed.

Nothing here knows the product: numbers are built by GB 11643 anew, so that a fault of ours would show.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

WEIGHTS = [2**n % 11 for n in range(17, 0, -1)]     # GB 11643-1999: 2^(18-i) mod 11
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红健俊帆鑫波斌宇浩凯志国建文春梅海燕雪婷鹏飞龙云峰"
#: characters of GB 18030-2022 that old systems lose: beyond the BMP (U+2B5AF, U+20BB7, U+2CB5B), in extension A, and late additions
RARE = ("𫖯", "𠮷", "𬭛", "䶮", "㛃", "龦", "𫚥", "䶵", "堃", "𬴊")
ETHNIC = (
    ("阿依古丽·买买提", "维吾尔族"), ("古丽巴哈尔·艾山江", "维吾尔族"), ("买买提明·吐尔逊", "维吾尔族"), ("扎西·次仁", "藏族"), ("叶尔兰·巴合提", "哈萨克族"),
    ("娜仁·其木格", "蒙古族"), ("热依汗·阿不都拉", "维吾尔族"), ("木·额尔敦", "蒙古族"),
)  # fmt: skip
TOWNS = ("城关", "柳河", "石桥", "新丰", "白塔", "青山", "双河", "永安", "龙泉", "太平")
BUREAUS = (
    "司法局", "民政局", "教育局", "公安局", "财政局", "人力资源和社会保障局", "自然资源局", "生态环境局", "住房和城乡建设局", "交通运输局", "水利局", "农业农村局",
    "商务局", "文化和旅游局", "卫生健康局", "应急管理局", "审计局", "市场监督管理局", "统计局", "医疗保障局", "信访局", "城市管理局", "人民法院", "人民检察院",
    "监察委员会", "发展和改革局", "科技局", "退役军人事务局", "行政审批局", "林业局",
)  # fmt: skip
TITLES = ("局长", "副局长", "办公室主任", "法规股股长", "业务股股长", "综合股股长", "二级主任科员", "四级主任科员", "一级科员", "二级科员")
TOWN_TITLES = ("书记", "镇长", "副镇长", "人大主席", "武装部部长", "党政办主任", "司法所所长", "综治中心主任", "社会事务办主任", "二级科员")
RANKS = {"局长": "乡科级正职", "书记": "乡科级正职", "镇长": "乡科级正职", "人大主席": "乡科级正职"}
CHANNELS = ("人大任命", "党委管理")
COUNTY = "临河县"
#: group -> how many persons
GROUPS = {"officials": 500, "community": 720, "mediators": 480, "literates": 640, "enforcers": 500, "teachers": 160}


@dataclass(frozen=True)
class Person:
    """One person. ``old15``: his papers show the number of before 1999; ``former``: the name on earlier papers."""

    key: int
    group: str
    name: str
    gender: str
    birth: date
    number: str
    ethnic: str
    unit: str
    post: str
    rank: str = ""
    channel: str = ""
    phone: str = ""
    old15: bool = False
    former: str = ""

    @property
    def written15(self) -> str:
        return self.number[:6] + self.number[8:17]


@dataclass
class County:
    """Everybody and every place. ``communities`` of the streets, ``villages`` of the towns, ``schools``."""

    people: list[Person]
    bureaus: list[str]
    towns: list[str]
    communities: list[str]
    villages: list[str]
    schools: list[str]
    grids: dict[str, list[str]] = field(default_factory=dict)

    def of(self, *groups: str) -> list[Person]:
        return [one for one in self.people if one.group in groups]


def number_of(area: str, birth: date, order: int) -> str:
    """Eighteen digits with the check digit of ISO 7064 MOD 11-2."""
    body = f"{area}{birth:%Y%m%d}{order:03d}"
    rest = sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True)) % 11
    return body + "10X98765432"[rest]


def make_county(seed: int = 20261128) -> County:
    draw = random.Random(seed)
    bureaus = [f"{COUNTY}{name}" for name in BUREAUS]
    towns = [f"{name}镇人民政府" for name in TOWNS]
    communities = [f"{town}街道第{n}社区" for town in ("城东", "城西", "城南", "城北", "开发区") for n in range(1, 13)]
    villages = [f"{town}镇{name}村" for town in TOWNS for name in ("东", "西", "前", "后", "上", "下", "大庄", "小庄", "河湾", "坡头")]
    schools = [f"{COUNTY}第{n}中学" for n in range(1, 21)] + [f"{COUNTY}实验小学{n}校区" for n in range(1, 11)]
    county = County([], bureaus, towns, communities, villages, schools)
    places = {
        "officials": _posts(bureaus, TITLES) + _posts(towns, TOWN_TITLES), "community": _posts(communities, ("书记", "主任", "副主任", "网格员")),
        "mediators": _posts(villages, ("调解员",)), "literates": _posts(villages, ("村民小组长", "村民")), "enforcers": _posts(bureaus, ("执法员",)),
        "teachers": _posts([bureaus[0], bureaus[22], bureaus[23], bureaus[3]], ("干警",)),
    }  # fmt: skip
    for group, count in GROUPS.items():
        for n in range(count):
            unit, post = places[group][n % len(places[group])]
            county.people.append(_person(draw, len(county.people) + 1, group, unit, post))
    return county


def _posts(units: list[str], titles: tuple[str, ...]) -> list[tuple[str, str]]:
    """Every post once, a title of all units before the next: 30 bureaus and 10 towns of ten posts are 400."""
    return [(unit, title) for title in titles for unit in units]


def _person(draw: random.Random, key: int, group: str, unit: str, post: str) -> Person:
    oldest = 1958 if group in ("teachers", "mediators") else 1966
    birth = date(oldest, 1, 1) + timedelta(days=draw.randrange((2001 - oldest) * 365))
    order = draw.randrange(1, 999)
    gender = "男" if order % 2 else "女"
    name, ethnic = draw.choice(SURNAMES) + "".join(draw.choice(GIVEN) for _ in range(draw.choice((1, 2, 2)))), "汉族"
    if key % 23 == 5:
        name = name[0] + draw.choice(RARE) + name[1:2]
    elif key % 61 == 7:
        name, ethnic = draw.choice(ETHNIC)
    leading = group == "officials"
    return Person(
        key, group, name, gender, birth, number_of(draw.choice(("340221", "340210", "340202", "320102")), birth, order), ethnic, unit, post,
        RANKS.get(post, "乡科级副职" if leading and "科员" not in post else ""), CHANNELS[key % 2] if leading else "", f"138{key:08d}",
        old15=birth.year < 1985 and key % 29 == 3, former="王小明" if key % 331 == 12 else "",
    )  # fmt: skip


def unique(county: County) -> County:
    """No number twice: who would share one is born a day later."""
    seen: set[str] = set()
    people = []
    for one in county.people:
        while one.number in seen:
            birth = one.birth + timedelta(days=1)
            one = replace(one, birth=birth, number=number_of(one.number[:6], birth, int(one.number[14:17])))
        seen.add(one.number)
        people.append(one)
    county.people = people
    return county
