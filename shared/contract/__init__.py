"""What a request may say and what it answers: parameters, results, errors."""
