"""What a certificate speaks about: the properties proved of a process, and what of them could not be decided."""

from dataclasses import dataclass
from enum import StrEnum

from bpm_crm.engine.definition import Title


class Property(StrEnum):
    """What is proved of a process."""

    STAGES_ENTERED = "STAGES_ENTERED"
    ENDS_REACHED = "ENDS_REACHED"
    TRANSITIONS_FIRE = "TRANSITIONS_FIRE"
    ALTERNATIVES_EXCLUSIVE = "ALTERNATIVES_EXCLUSIVE"
    ALTERNATIVES_EXHAUSTIVE = "ALTERNATIVES_EXHAUSTIVE"
    LOSSES_EXPLAINED = "LOSSES_EXPLAINED"
    STAGES_WATCHED = "STAGES_WATCHED"
    ESCALATIONS_END = "ESCALATIONS_END"
    CHECKPOINTS_REACHED = "CHECKPOINTS_REACHED"
    FUNNEL_IN_ORDER = "FUNNEL_IN_ORDER"
    FIELDS_FILLABLE = "FIELDS_FILLABLE"
    CALENDAR_WORKS = "CALENDAR_WORKS"


PROPERTY_TEXTS = {
    Property.STAGES_ENTERED: Title("every stage can be entered", "в каждую стадию можно попасть"),
    Property.ENDS_REACHED: Title("from every stage an end can be reached", "из каждой стадии можно дойти до конца"),
    Property.TRANSITIONS_FIRE: Title("every transition can fire", "каждый переход может сработать"),
    Property.ALTERNATIVES_EXCLUSIVE: Title(
        "of alternatives claimed exclusive at most one holds",
        "из взаимоисключающих вариантов выполняется не больше одного",
    ),
    Property.ALTERNATIVES_EXHAUSTIVE: Title(
        "of alternatives claimed exhaustive one always holds", "из исчерпывающих вариантов один всегда выполняется"
    ),
    Property.LOSSES_EXPLAINED: Title("no loss goes without a reason", "проигрыша без причины не бывает"),
    Property.STAGES_WATCHED: Title(
        "in every stage of ours a clock runs when it is entered, or a waiver says why not",
        "при входе в каждую нашу стадию идут часы или написано, почему они не нужны",
    ),
    Property.ESCALATIONS_END: Title(
        "every escalation chain ends and names roles that exist",
        "каждая цепочка эскалации конечна и называет существующие роли",
    ),
    Property.CHECKPOINTS_REACHED: Title("every checkpoint can be reached", "каждая контрольная точка достижима"),
    Property.FUNNEL_IN_ORDER: Title(
        "no path contradicts the order of the funnel", "порядок воронки не противоречит путям"
    ),
    Property.FIELDS_FILLABLE: Title("every required field can be filled", "каждое обязательное поле можно заполнить"),
    Property.CALENDAR_WORKS: Title("the calendar has working time", "в календаре есть рабочее время"),
}


@dataclass(frozen=True, slots=True)
class Undecided:
    """A property that was neither proved nor refuted at a place, and what stood in the way."""

    property: Property
    path: tuple[str, ...]
    obstacle: str

    def text(self, language: str) -> str:
        """What was not decided and why, in `language`."""
        said = PROPERTY_TEXTS[self.property].in_language(language)
        word = {"ru": "не решено", "en": "not decided"}.get(language, "not decided")
        return f"{'.'.join(self.path)}: {word}, {said}: {self.obstacle}"
