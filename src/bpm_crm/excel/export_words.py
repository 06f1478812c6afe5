"""The words of a workbook, in English and Russian."""

from collections.abc import Mapping

_WORDS: Mapping[str, tuple[str, str]] = {
    "readme": ("Read me", "О книге"),
    "funnel": ("Funnel", "Воронка"),
    "trend": ("Trend", "Динамика"),
    "checkpoints": ("Checkpoints", "Контрольные точки"),
    "losses": ("Losses", "Потери"),
    "cases": ("Cases", "Процессы"),
    "steps": ("Steps", "Шаги"),
    "clocks": ("Clock cycles", "Циклы SLA"),
    "funnel_facts": ("Funnel facts", "Факты воронки"),
    "checkpoint_facts": ("Checkpoint facts", "Факты точек"),
    "loss_facts": ("Loss facts", "Факты потерь"),
    "segment_no": ("Segment no.", "№ сегмента"),
    "segment": ("Segment", "Сегмент"),
    "all": ("All", "Все"),
    "none": ("None", "Не указано"),
    "step_no": ("Step no.", "№ шага"),
    "step": ("Step", "Шаг"),
    "from_step": ("From step", "С шага"),
    "to_step": ("To step", "По шаг"),
    "number": ("Counts as", "Считается как"),
    "reached": ("Reached", "Дошли"),
    "advanced": ("From the step before", "С предыдущего шага"),
    "step_conversion": ("Step conversion", "Конверсия шага"),
    "overall_conversion": ("Overall conversion", "Общая конверсия"),
    "loss": ("Loss", "Потеря"),
    "loss_rate": ("Loss rate", "Доля потерь"),
    "lost": ("Lost", "Потеряны"),
    "open": ("Open", "В работе"),
    "missed": ("Missed", "Миновали"),
    "cancelled": ("Cancelled", "Отменены"),
    "forced": ("Forced", "Принудительно"),
    "reworked": ("Reworked", "Повторно"),
    "lower": ("Lower bound", "Нижняя граница"),
    "upper": ("Upper bound", "Верхняя граница"),
    "median": ("Median, seconds", "Медиана, секунды"),
    "p90": ("90 %, seconds", "90 %, секунды"),
    "month": ("Month", "Месяц"),
    "begun": ("Begun", "Начаты"),
    "arrived": ("Reached “{title}”", "Дошли до «{title}»"),
    "rate": ("Rate", "Доля"),
    "checkpoint": ("Checkpoint", "Контрольная точка"),
    "started": ("Started", "Начато"),
    "met": ("Met", "Выполнено"),
    "breached": ("Breached", "Нарушено"),
    "overdue": ("Overdue", "Просрочено"),
    "not_yet_due": ("Not yet due", "Срок не наступил"),
    "attainment": ("Attainment", "Выполнение SLA"),
    "stage": ("Stage", "Стадия"),
    "stage_no": ("Stage no.", "№ стадии"),
    "reason": ("Reason", "Причина"),
    "no_reason": ("Not stated", "Не указана"),
    "cell_no": ("Cell no.", "№ ячейки"),
    "count": ("Cases", "Процессы"),
    "stage_count": ("Of the stage", "Всего на стадии"),
    "share": ("Share", "Доля"),
    "amount": ("Amount", "Сумма"),
    "amount_now": ("Amount (now)", "Сумма (сейчас)"),
    "currency": ("Currency", "Валюта"),
    "case": ("Case", "Процесс"),
    "deal": ("Deal", "Сделка"),
    "title": ("Title", "Название"),
    "external_id": ("Id in the source", "Номер в источнике"),
    "channel": ("Channel", "Канал"),
    "campaign": ("Campaign", "Кампания"),
    "region": ("Region", "Регион"),
    "owner": ("Owner", "Ответственный"),
    "team": ("Team", "Команда"),
    "version": ("Version", "Версия"),
    "status": ("Status", "Статус"),
    "started_at": ("Begun", "Начат"),
    "moved_at": ("In this stage since", "В этой стадии с"),
    "customer": ("Customer", "Клиент"),
    "phone": ("Phone", "Телефон"),
    "email": ("E-mail", "Эл. почта"),
    "sequence": ("No.", "№"),
    "kind": ("Kind", "Вид"),
    "occurred_at": ("When", "Когда"),
    "transition": ("Transition", "Переход"),
    "from_stage": ("From stage", "Из стадии"),
    "to_stage": ("To stage", "В стадию"),
    "actor": ("Who", "Кто"),
    "seconds": ("Seconds", "Секунды"),
    "business_seconds": ("Business seconds", "Рабочие секунды"),
    "verdict": ("Verdict", "Вердикт"),
    "is_open": ("Still open", "Ещё открыт"),
    "company": ("Company", "Компания"),
    "process": ("Process", "Процесс"),
    "as_of": ("As of", "На момент"),
    "known_at": ("As known at", "Известно на"),
    "period": ("Period", "Период"),
    "ever": ("ever", "всё время"),
    "filter": ("Filter", "Фильтр"),
    "group_by": ("Segments by", "Сегменты по"),
    "versions": ("Versions", "Версии"),
    "made_by": ("Made by", "Составил"),
    "made_at": ("Made at", "Составлено"),
    "sheets": ("Sheets", "Листы"),
    "how": (
        (
            "The figures are formulas over the sheets of facts: change or filter a copy of those, and the figures follow. "
            "They equal the figures of the API for the same moment. Times are those of the company's zone, {zone}."
        ),
        (
            "Показатели — формулы по листам фактов: измените или отберите копию фактов, и показатели изменятся. "
            "Они равны показателям API на тот же момент. Время указано в поясе компании, {zone}."
        ),
    ),
    "about_funnel": (
        "The cohort: cases that reached the first step in the period, and which steps each of them ever reached.",
        "Когорта: процессы, дошедшие до первого шага за период, и шаги, до которых каждый из них дошёл.",
    ),
    "about_trend": (
        "Cases by the month they began in, and how many of these reached the last step by now.",
        "Процессы по месяцу начала и сколько из них уже дошли до последнего шага.",
    ),
    "about_checkpoints": (
        "Cases begun in the period by checkpoint reached, and the cycles of SLA clocks due in it.",
        "Процессы, начатые за период, по контрольным точкам, и циклы SLA со сроком в этом периоде.",
    ),
    "about_losses": (
        "Cases lost in the period, by the stage they left and the reason given.",
        "Процессы, потерянные за период, по стадии и причине.",
    ),
    "about_cases": ("A row for each case, as it stood.", "Строка на каждый процесс, каким он был."),
    "about_steps": ("A row for each step of these cases.", "Строка на каждый шаг этих процессов."),
    "about_clocks": (
        "A row for each cycle of an SLA clock due in the period.",
        "Строка на каждый цикл SLA со сроком в периоде.",
    ),
    "about_facts": ("What the formulas count.", "То, что считают формулы."),
}


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        self._place = 1 if language == "ru" else 0
        self.language = language

    def __getitem__(self, key: str) -> str:
        """A word."""
        return _WORDS[key][self._place]
