vch_fuzz(search_query ROOMS core)
