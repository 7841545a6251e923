vch_fuzz(websocket ROOMS http)
