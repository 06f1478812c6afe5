"""Phone numbers and e-mail addresses in the one form in which they are kept and recognised."""

import phonenumbers
from email_validator import EmailNotValidError, validate_email

MOST_PHONE = 60


class ContactInvalid(ValueError):
    """The text is no phone number, or no e-mail address."""


def normal_phone(text: str, country: str | None = None) -> str:
    """A phone number in E.164. Without `country` (ISO 3166) it must have its country code. `ContactInvalid`."""
    try:
        number = phonenumbers.parse(text[:MOST_PHONE], country)
    except phonenumbers.NumberParseException as error:
        raise ContactInvalid("write a phone number with its country, as in E.164: +74951234567") from error
    if not phonenumbers.is_possible_number(number):
        raise ContactInvalid("there can be no such phone number; write it as in E.164: +74951234567")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normal_email(text: str) -> str:
    """An e-mail address in lower case, its domain checked for form only. `ContactInvalid`."""
    try:
        found = validate_email(text, check_deliverability=False)
    except EmailNotValidError as error:
        raise ContactInvalid(f"not an e-mail address: {error}") from error
    return found.normalized.lower()


def has_phones(country: str) -> bool:
    """Whether a country of ISO 3166 has phone numbers of its own."""
    return country in phonenumbers.SUPPORTED_REGIONS
