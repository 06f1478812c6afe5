"""The names of BPMN 2.0 in XML: namespaces, elements, and our own extension elements."""

from typing import Final

BPMN: Final = "http://www.omg.org/spec/BPMN/20100524/MODEL"
BPMNDI: Final = "http://www.omg.org/spec/BPMN/20100524/DI"
DC: Final = "http://www.omg.org/spec/DD/20100524/DC"
DI: Final = "http://www.omg.org/spec/DD/20100524/DI"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
CRM: Final = "https://bpm-crm.dev/schema/bpmn/1"
"""The namespace of our extension elements; what changes their meaning changes the number."""
CEL: Final = "https://cel.dev"
"""The expression language of guards."""

PREFIXES: Final = {"bpmn": BPMN, "bpmndi": BPMNDI, "dc": DC, "di": DI, "xsi": XSI, "crm": CRM}

NO_GUARD: Final = "true"
"""The condition of a flow that may always be taken, where the gateway before it has flows with conditions."""
