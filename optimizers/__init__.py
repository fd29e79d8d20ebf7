"""What Pare exists for: formats, the engine, the judgement of quality."""
