"""One file a command, each with a Click object named `command`; imported when it is called and not before."""
