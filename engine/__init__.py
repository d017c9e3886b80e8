"""The engine: reads, understands, searches, explains and stores documents. No Qt here."""
