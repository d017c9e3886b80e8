"""One controller a feature: view signal, engine job, model."""
