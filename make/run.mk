##@ Run

kafka: setup ## Apache Kafka with our topics, without Docker (BROKERS=1 or 3, KAFKA_PORT=9092)
	@$(BIN)/python -m local.services.apache_kafka --brokers $(BROKERS) --port $(KAFKA_PORT)

kafka-lock: setup ## Write the lock of Kafka's jars from its pom.xml
	@$(BIN)/python -m local.services.kafka_jars --lock .local/kafka-jars

up: setup ## The system in containers (needs Docker); addresses as for make dev
	@$(BIN)/python -m local.compose .local
	@docker compose -f local/docker-compose.yml up --build --detach --wait
	@echo "API http://127.0.0.1:$(PORT), inbox http://127.0.0.1:$(or $(INBOX_PORT),8025); make down ends it"

down: ## End the containers; their data stay (ARGS=--volumes forgets them)
	@docker compose -f local/docker-compose.yml down $(ARGS)

.PHONY: kafka kafka-lock up down
