"""The expression language: JMESPath with more functions, templates around it."""
