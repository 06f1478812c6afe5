"""What each fault of a table is told as, in English and Russian, with its cure."""

from collections.abc import Mapping
from enum import StrEnum

from bpm_crm.engine.definition import Title
from bpm_crm.excel.problem_codes import TableCode
from bpm_crm.operations.job_problems import Texts

_SAVE_AGAIN = Title(
    "Open it, save it again as .xlsx, and send that.", "Откройте его, сохраните снова как .xlsx и отправьте."
)
_SPLIT = Title(
    "Split the file, or delete what lies beyond the table.", "Разделите файл или удалите лишнее за пределами таблицы."
)
_MAP = Title("Map a column of the sheet.", "Сопоставьте столбец листа.")

TEXTS: Mapping[StrEnum, Texts] = {
    TableCode.EMPTY_FILE: (
        Title("The file is empty.", "Файл пуст."),
        Title("Send the file that has the table.", "Отправьте файл с таблицей."),
    ),
    TableCode.UNKNOWN_FORMAT: (
        Title("This is no table: its content is {found}.", "Это не таблица: внутри {found}."),
        Title("Send xlsx, xlsb, xls, ods or csv.", "Отправьте xlsx, xlsb, xls, ods или csv."),
    ),
    TableCode.PASSWORD_PROTECTED: (
        Title("The workbook is protected by a password.", "Книга защищена паролем."),
        Title("Save it without a password, and send that.", "Сохраните её без пароля и отправьте."),
    ),
    TableCode.BROKEN_FILE: (
        Title("The file is cut off or damaged: {detail}.", "Файл обрезан или повреждён: {detail}."),
        _SAVE_AGAIN,
    ),
    TableCode.FILE_TOO_LARGE: (
        Title(
            "The file has {found} bytes, at most {maximum} are taken.",
            "В файле {found} байт, принимается не больше {maximum}.",
        ),
        _SPLIT,
    ),
    TableCode.UNPACKS_TOO_LARGE: (
        Title(
            "Unpacked the workbook has more than {maximum} bytes.", "В распакованном виде книга больше {maximum} байт."
        ),
        _SPLIT,
    ),
    TableCode.TOO_MANY_ROWS: (
        Title(
            "Sheet “{sheet}” goes down to cell {cell}; at most {maximum} rows are taken.",
            "Лист «{sheet}» доходит до ячейки {cell}; принимается не больше {maximum} строк.",
        ),
        _SPLIT,
    ),
    TableCode.TOO_MANY_COLUMNS: (
        Title(
            "Sheet “{sheet}” goes right to cell {cell}; at most {maximum} columns are taken.",
            "Лист «{sheet}» доходит до ячейки {cell}; принимается не больше {maximum} столбцов.",
        ),
        _SPLIT,
    ),
    TableCode.TOO_MANY_CELLS: (
        Title(
            "Sheet “{sheet}” goes to cell {cell}; at most {maximum} cells are taken.",
            "Лист «{sheet}» доходит до ячейки {cell}; принимается не больше {maximum} ячеек.",
        ),
        _SPLIT,
    ),
    TableCode.TOO_COSTLY: (
        Title(
            "Reading the file takes more memory or time than is given to it.",
            "Чтение файла требует больше памяти или времени, чем отведено.",
        ),
        _SPLIT,
    ),
    TableCode.UNKNOWN_SHEET: (
        Title("There is no sheet “{sheet}”; there are: {known}.", "Листа «{sheet}» нет; есть: {known}."),
        Title("Name one of them.", "Назовите один из них."),
    ),
    TableCode.EMPTY_SHEET: (
        Title("Sheet “{sheet}” has no rows below its header.", "На листе «{sheet}» нет строк под заголовком."),
        Title("Choose another sheet.", "Выберите другой лист."),
    ),
    TableCode.NO_HEADER: (
        Title(
            "Row {row} of sheet “{sheet}” has no texts that could be headers.",
            "В строке {row} листа «{sheet}» нет заголовков.",
        ),
        Title("Say in which row the headers are (`headerRow`).", "Укажите строку заголовков (`headerRow`)."),
    ),
    TableCode.UNKNOWN_COLUMN: (
        Title(
            "The sheet has no column {column}; it has {first} to {last}.",
            "На листе нет столбца {column}; есть от {first} до {last}.",
        ),
        Title("Name a column by its letters.", "Назовите столбец его буквами."),
    ),
    TableCode.COLUMN_TWICE: (
        Title("Column {column} is mapped twice.", "Столбец {column} сопоставлен дважды."),
        Title("Map each column once.", "Сопоставьте каждый столбец один раз."),
    ),
    TableCode.UNKNOWN_TARGET: (
        Title("Nothing is called “{target}”; there are: {known}.", "Нет ничего с именем «{target}»; есть: {known}."),
        Title("Use one of them.", "Используйте одно из них."),
    ),
    TableCode.TARGET_TWICE: (
        Title(
            "Columns {first} and {second} are both mapped to “{target}”.",
            "Столбцы {first} и {second} оба сопоставлены с «{target}».",
        ),
        Title("Leave one of them out.", "Уберите один из них."),
    ),
    TableCode.TARGET_MISSING: (
        Title(
            "No column is mapped to “{target}”, which is needed.",
            "Ни один столбец не сопоставлен с «{target}», а он нужен.",
        ),
        _MAP,
    ),
    TableCode.NOTHING_MAPPED: (
        Title(
            "No header was recognised, so no column is mapped.", "Ни один заголовок не узнан, столбцы не сопоставлены."
        ),
        Title("Send `mapping`.", "Передайте `mapping`."),
    ),
    TableCode.UNKNOWN_COUNTRY: (
        Title(
            "“{country}” is no country of ISO 3166 with phone numbers.",
            "«{country}» — не страна по ISO 3166 с телефонными номерами.",
        ),
        Title("Write two letters, for example RU.", "Напишите две буквы, например RU."),
    ),
    TableCode.CELL_ERROR: (
        Title("The cell has the error {value}.", "В ячейке ошибка {value}."),
        Title("Mend the formula, or empty the cell.", "Исправьте формулу или очистите ячейку."),
    ),
    TableCode.CELL_TOO_LONG: (
        Title(
            "The text has {found} characters, at most {maximum} are taken.",
            "В тексте {found} символов, принимается не больше {maximum}.",
        ),
        Title("Shorten it.", "Сократите его."),
    ),
    TableCode.NOT_A_PHONE: (
        Title(
            "“{value}” is no phone number of {country} or with a country code.",
            "«{value}» — не телефон страны {country} и не номер с кодом страны.",
        ),
        Title("Write it as +74951234567.", "Запишите его как +74951234567."),
    ),
    TableCode.DIGITS_LOST: (
        Title(
            "“{value}” is a number whose last digits are lost.", "«{value}» — число, последние цифры которого потеряны."
        ),
        Title(
            "Format the column as text, and enter it again.", "Задайте столбцу текстовый формат и введите номер снова."
        ),
    ),
    TableCode.NOT_AN_EMAIL: (
        Title("“{value}” is no e-mail address.", "«{value}» — не адрес электронной почты."),
        Title("Write it as name@example.com.", "Запишите его как name@example.com."),
    ),
    TableCode.NOT_A_DATE: (
        Title("“{value}” is no date ({order}).", "«{value}» — не дата ({order})."),
        Title(
            "Write 2026-12-31 or 2026-12-31 15:30, or choose another `dateOrder`.",
            "Запишите 2026-12-31 или 2026-12-31 15:30, или выберите другой `dateOrder`.",
        ),
    ),
    TableCode.NOT_A_NUMBER: (
        Title("“{value}” is no number.", "«{value}» — не число."),
        Title("Write digits, for example 12500.50.", "Запишите цифрами, например 12500.50."),
    ),
    TableCode.AMBIGUOUS_NUMBER: (
        Title("“{value}” may be a thousand or a fraction.", "«{value}» может быть тысячами или дробью."),
        Title(
            "Format the cell as a number, or write it without groups of digits.",
            "Задайте ячейке числовой формат или уберите разделители разрядов.",
        ),
    ),
    TableCode.NOT_YES_OR_NO: (
        Title("“{value}” is neither yes nor no.", "«{value}» — не «да» и не «нет»."),
        Title("Write yes or no.", "Запишите «да» или «нет»."),
    ),
    TableCode.EMPTY_ROW_VALUE: (
        Title("“{target}” is empty, and is needed in every row.", "«{target}» пусто, а нужно в каждой строке."),
        Title("Fill the cell.", "Заполните ячейку."),
    ),
    TableCode.UNKNOWN_PERSON: (
        Title(
            "“{value}” is no active user, neither by e-mail nor by name.",
            "«{value}» — не действующий пользователь ни по почте, ни по имени.",
        ),
        Title(
            "Write the e-mail address of a user, or empty the cell.", "Укажите почту пользователя или очистите ячейку."
        ),
    ),
    TableCode.UNKNOWN_EVENT: (
        Title(
            "“{value}” is neither a transition nor a stage of the process. Known: {known}.",
            "«{value}» — не переход и не стадия процесса. Известны: {known}.",
        ),
        Title("Use a key or a title of one of them.", "Используйте ключ или название одного из них."),
    ),
    TableCode.NO_MOVE_THERE: (
        Title(
            "No transition leads from stage “{stage}” to “{target}”. Open from there: {open}.",
            "Из стадии «{stage}» нет перехода в «{target}». Оттуда открыты: {open}.",
        ),
        Title(
            "Add the row of the move between, or correct the order of times.",
            "Добавьте строку промежуточного перехода или исправьте порядок времени.",
        ),
    ),
    TableCode.OTHER_CONTENT: (
        Title("“{value}” was captured before, with other content.", "«{value}» уже было принято с другим содержанием."),
        Title(
            "Correct the case it became, or use another id.", "Исправьте созданный процесс или укажите другой номер."
        ),
    ),
    TableCode.OTHER_CONTENT_IN_FILE: (
        Title(
            "“{value}” is in row {first} already, with other content.",
            "«{value}» уже есть в строке {first} с другим содержанием.",
        ),
        Title("Keep one of the rows.", "Оставьте одну из строк."),
    ),
    TableCode.MOVED_ON: (
        Title("Somebody has worked on this case since the import.", "После импорта с этим процессом работали."),
        Title("Leave it, or undo with `force`.", "Оставьте его или отмените с `force`."),
    ),
    TableCode.OUT_OF_REACH: (
        Title("This case is outside your reach.", "Этот процесс вам недоступен."),
        Title("Ask somebody who may exclude it.", "Обратитесь к тому, кто может его исключить."),
    ),
    TableCode.FILE_EXPIRED: (
        Title("The file is no longer kept.", "Файл больше не хранится."),
        Title("Send it again.", "Отправьте его снова."),
    ),
    TableCode.TOO_MANY_RECORDS: (
        Title(
            "“{what}” would have {found} rows, at most {maximum} are written.",
            "В «{what}» было бы {found} строк, записывается не больше {maximum}.",
        ),
        Title(
            "Choose a shorter period, or filter the cases.", "Выберите более короткий период или отфильтруйте процессы."
        ),
    ),
    TableCode.UNKNOWN_KPI: (
        Title(
            "The process has no KPI “{key}” any more; near it are: {near}.",
            "У процесса больше нет показателя «{key}»; похожие: {near}.",
        ),
        Title("Ask again with one of these.", "Запросите снова с одним из них."),
    ),
    TableCode.TOO_MANY_KPIS: (
        Title(
            "These are {found} KPIs, at most {maximum} are written.",
            "Это {found} показателей, записывается не больше {maximum}.",
        ),
        Title("Name the KPIs you need (`kpis`).", "Назовите нужные показатели (`kpis`)."),
    ),
    TableCode.KPI_TOO_BROAD: (
        Title(
            "KPI “{key}” would look at more than {maximum} cases.",
            "Показатель «{key}» охватил бы больше {maximum} процессов.",
        ),
        Title(
            "Choose a shorter period, filter the cases, or leave the KPI out (`kpis`).",
            "Выберите более короткий период, отфильтруйте процессы или исключите показатель (`kpis`).",
        ),
    ),
}
