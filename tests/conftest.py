from hypothesis import settings

# a busy machine is no mistake
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
