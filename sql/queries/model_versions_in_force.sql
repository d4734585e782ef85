-- One row per kind of decision and version that answered: how many rows, and is it still the champion?
SELECT decides, decider, model, version, answers, answered_by_champion, champion_version, last_day,
       len(categories) AS categories
FROM models_in_force
ORDER BY decides, answers DESC
