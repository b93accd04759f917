"""Tables about persons, whatever they sit: all on ``office.db``."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from home import OFFICE

unit = Table(
    "unit", OFFICE,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("parent_id", ForeignKey("unit.id")),
    Column("kind", String(20)),                       # 机关 | 乡镇 | 街道 | 村 | 社区 | 其他
    Column("setting", String(10)),                    # 城镇 | 农村
    Column("code", String(20)),                       # 统计用区划代码 or the grid's own number
    Column("households", Integer),                    # 户数, for the staffing norms
    Column("residents", Integer),                     # 常住人口
    Column("grids", Integer),                         # 网格数 as reported, where the grids are no units of their own
    Column("workers", Integer),                       # 在岗人数 as reported, where the workers are no persons on file
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("merged_into", ForeignKey("unit.id")),     # from valid_to on it counts there (people.successors)
)  # fmt: skip

post = Table(
    "post", OFFICE,
    Column("id", Integer, primary_key=True),
    Column("unit_id", ForeignKey("unit.id"), nullable=False),
    Column("title", String(100), nullable=False),
    Column("rank", String(40)),                       # 职务层次: 乡科级正职 …
    Column("valid_from", Date),
    Column("valid_to", Date),
    UniqueConstraint("unit_id", "title"),
)  # fmt: skip

person = Table(
    "person", OFFICE,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("document", String(40), nullable=False),   # 居民身份证 | 港澳居民居住证 | … | 其他
    Column("identity_cipher", LargeBinary, nullable=False),
    Column("identity_mac", String(64), nullable=False, unique=True),
    Column("identity_masked", String(40), nullable=False),
    Column("gender", String(10)),
    Column("birth", Date),
    Column("birth_before", Date),                     # what the last correction replaced: what was reckoned from it has moved
    Column("birth_moved", Boolean, index=True),       # corrected, and what rests on it is still to be reckoned again; else null
    Column("ethnic", String(40)),
    Column("phone", String(40)),
    Column("education", String(40)),                  # 学历
    Column("political", String(40)),                  # 政治面貌
    Column("category", String(40)),                   # 人员类别: 领导干部 | 社区工作者 | 网格员 | 调解员 | 法律明白人 …
    Column("grade", String(20)),                      # 岗位等级, e.g. 三岗十八级
    Column("employed_from", Date),
    Column("left_on", Date),
    Column("unit_id", ForeignKey("unit.id")),
    Column("post_id", ForeignKey("post.id")),
    Column("created_at", BigInteger, nullable=False),
)  # fmt: skip

alias = Table(
    "alias", OFFICE,                                  # former names of persons and units
    Column("id", Integer, primary_key=True),
    Column("person_id", ForeignKey("person.id")),
    Column("unit_id", ForeignKey("unit.id")),
    Column("name", String(100), nullable=False),
)  # fmt: skip

account = Table(
    "account", OFFICE,
    Column("id", Integer, primary_key=True),
    Column("login", String(40), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("password_hash", Text, nullable=False),    # argon2id
    Column("person_id", ForeignKey("person.id")),
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
)  # fmt: skip

role_grant = Table(
    "role_grant", OFFICE,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("role", String(20), nullable=False),       # people.accounts.ROLES
    Column("granted_by", String(64), nullable=False),
    Column("granted_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)  # fmt: skip

office_session = Table(
    "office_session", OFFICE,                         # staff logged in to the office
    Column("token_digest", String(64), primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("notice", Text),                           # JSON [tone, text]: what the next page tells once
)  # fmt: skip

document = Table(
    "document", OFFICE,                               # a paper on file; its bytes lie in secret/documents/<sha256>
    Column("id", Integer, primary_key=True),
    Column("person_id", ForeignKey("person.id")),
    Column("sha256", String(64), nullable=False),
    Column("name", String(200), nullable=False),      # as uploaded; only shown, never a path
    Column("media_type", String(60), nullable=False),
    Column("size", Integer, nullable=False),          # bytes
    Column("added_by", String(64), nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("erased_at", BigInteger),
)  # fmt: skip

approval = Table(
    "approval", OFFICE,                               # an act that needs a second person
    Column("id", Integer, primary_key=True),
    Column("act", String(40), nullable=False),        # people.approvals.ACTS
    Column("subject", String(128), nullable=False),
    Column("arguments", Text, nullable=False),        # canonical JSON: what exactly is approved
    Column("reason", String(500), nullable=False),
    Column("asked_by", String(64), nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("decided_by", String(64)),
    Column("decided_at", BigInteger),
    Column("granted", Boolean),
    Column("note", String(500)),
    Column("used_at", BigInteger),                    # an approval is good for one act
)  # fmt: skip

legal_hold = Table(
    "legal_hold", OFFICE,                             # nothing about the subject is erased while it stands
    Column("id", Integer, primary_key=True),
    Column("subject", String(128), nullable=False),   # person/<id> | sitting/<id> | *
    Column("reason", String(500), nullable=False),
    Column("document_no", String(100)),
    Column("by", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("lifted_by", String(64)),
    Column("lifted_at", BigInteger),
)  # fmt: skip
