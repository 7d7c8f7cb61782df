"""The Faust app that judges events by the policies in force."""
