"""BPMN 2.0: processes written as BPMN, and BPMN read as drafts of processes."""
