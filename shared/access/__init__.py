"""Who may use the service, and how much of it: the records of API keys beside Redis, and what they have used up."""
