"""The demo company: who works there, through which channels its customers come."""

from bpm_crm.operations.access import Role
from bpm_crm.operations.companies import Company, Person

TENANT_KEY = "demo"

CHANNELS = (
    ("inbound-call", "Incoming calls", "Входящие звонки"),
    ("callback-request", "Call-back requests", "Заказы обратного звонка"),
    ("web-form", "Web forms", "Заявки с сайта"),
    ("site-click", "Clicks on the site", "Клики на сайте"),
    ("store-visit", "Visits to the shop", "Посещения магазина"),
    ("email", "E-mail", "Электронная почта"),
    ("messenger", "Messengers", "Мессенджеры"),
    ("referral", "Referrals", "Рекомендации"),
    ("repeat-purchase", "Repeat purchases", "Повторные покупки"),
    ("post-payment", "After payment", "После оплаты"),
)

PEOPLE = (
    Person("admin@demo.example", "Alexandra Admin", (Role.ADMIN,)),
    Person("owner@demo.example", "Oleg Process-Owner", (Role.PROCESS_OWNER,)),
    Person("manager@demo.example", "Maria Manager", (Role.MANAGER,), team="moscow", leads="moscow"),
    Person("manager2@demo.example", "Mikhail Manager", (Role.MANAGER,), team="regions", leads="regions"),
    Person("sales@demo.example", "Sofia Sales", (Role.SALESPERSON,), team="moscow"),
    Person("sales2@demo.example", "Semyon Sales", (Role.SALESPERSON,), team="moscow"),
    Person("sales3@demo.example", "Svetlana Sales", (Role.SALESPERSON,), team="moscow"),
    Person("sales4@demo.example", "Stepan Sales", (Role.SALESPERSON,), team="regions"),
    Person("sales5@demo.example", "Stella Sales", (Role.SALESPERSON,), team="regions"),
    Person("analyst@demo.example", "Anna Analyst", (Role.ANALYST,)),
)

SHOWN = ("admin", "owner", "manager", "sales", "analyst")
"""Whose tokens the start prints: one person per role, by the part of the address before the @."""

COMPANY = Company(
    key=TENANT_KEY,
    title="Warm House",
    zone="Europe/Moscow",
    currency="RUB",
    people=PEOPLE,
    teams={"moscow": "Moscow", "regions": "Regions"},
    channels=CHANNELS,
    campaigns={"autumn": "Autumn sale", "search": "Search ads", "social": "Social networks"},
)
