"""Feature spaces: what of a picture is predicted from the brain, and the way back to a picture."""
